"""Attacks the compiler with drawn inputs; every case is reproduced by its kind and its seed."""
