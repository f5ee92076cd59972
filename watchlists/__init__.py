"""The lists"""
