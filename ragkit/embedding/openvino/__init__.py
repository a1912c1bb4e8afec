"""The embedding model compiled by OpenVINO: conversion, the cache of compiled models, batches, and the runtime."""
