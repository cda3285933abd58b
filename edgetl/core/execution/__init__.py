"""Tasks that run elsewhere: in other processes of this machine, or on other machines."""
