//! Every bound of the house in one place: what overflows is counted, refused or logged, never kept without end.

/// Bytes of one HTTP request body that are read before it is refused (413).
pub const HTTP_BODY: usize = 64 * 1024 * 1024;
/// Depth of nested XML-RPC values and elements.
pub const XML_DEPTH: usize = 128;
/// Bytes that wait to be written to one program's stdin.
pub const STDIN_BUFFER: usize = 16 * 1024 * 1024;
/// Bytes of a listener's stdout that are kept while a line or result is incomplete.
pub const LISTENER_BUFFER: usize = 1024 * 1024;
/// Calls that may wait for an answer of the engine at once.
pub const CALLS_WAITING: usize = 4096;
/// Connections that the front serves at once.
pub const CONNECTIONS: usize = 1024;
/// Copies of one program (`numprocs`).
pub const NUMPROCS: i64 = 100_000;
/// Bytes of one line of the daemon's log that come from a client.
pub const LOGGED_TEXT: usize = 4096;
