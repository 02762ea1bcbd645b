"""Links to the outside; each satisfies StreamablePort[Batch] and reports its loss. They never reopen by themselves."""
