"""Who wears the headsets: devices, personas, simulated worlds and recorded people."""
