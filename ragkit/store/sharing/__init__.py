"""What several machines share beside the collections of a store: tables of the programs that use it."""
