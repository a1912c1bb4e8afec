import aurora

# --8<-- [start:main]
aurora.run(port=7070)
# --8<-- [end:main]
