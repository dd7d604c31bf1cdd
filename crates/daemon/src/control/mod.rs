//! Control: the loop that owns the engine. Under construction.
