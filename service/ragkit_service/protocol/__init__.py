"""HTTP/1.1 connections: deadlines, and bounds on how many are open."""
