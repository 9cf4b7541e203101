"""Stand-in of Microsoft Entra ID: issues the tokens which the two APIs ask for."""
