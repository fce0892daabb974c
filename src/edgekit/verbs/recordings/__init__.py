"""What a device took and gave, replayed against its network: `edgekit replay`."""
