"""Links to the outside; each satisfies StreamablePort[Frame] and reports its loss. They never reopen by themselves."""
