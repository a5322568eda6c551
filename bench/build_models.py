#!/usr/bin/env python3
"""Writes the networks of the bench to build/bench/models. usage: build_models.py [NAME,...]"""
import sys

import models

for model in models.chosen(sys.argv[1] if len(sys.argv) > 1 else "all"):
    if model.build is not None:
        print(model.path().relative_to(models.ROOT))
