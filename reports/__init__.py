"""Reads everything below it"""
