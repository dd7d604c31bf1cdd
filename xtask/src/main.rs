//! Tools of the house: under construction.

fn main() {}
