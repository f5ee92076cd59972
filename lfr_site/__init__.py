"""Composition"""
