"""The stand-in of Dataverse's Web API: strict enough that clients written for the real service work unchanged."""
