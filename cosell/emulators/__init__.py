"""Local stand-ins of Entra, Partner Center and Dataverse, so that no test and no rehearsal needs the internet.

They import nothing of the product: an emulator which shares code with the client shares its mistakes.
"""
