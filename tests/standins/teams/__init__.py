"""A Teams on loopback: the token issuer and the connector, which enforce what is documented."""
