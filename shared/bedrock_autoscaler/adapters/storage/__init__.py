"""What outlives a tick: the ledger, minute history and routing tables, in DynamoDB and SSM.

One adapter in several modules, since they share the stored forms and the way to a table.
"""
