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
/// Bytes kept for a log file that cannot be written for now; the oldest are dropped for newer ones.
pub const FILE_BACKLOG: usize = 1024 * 1024;
/// Bytes that wait for a pipe, terminal or socket before programs that write to it are no longer read.
pub const STREAM_FULL: usize = 64 * 1024;
/// Bytes that wait for a pipe, terminal or socket at most: what has no program to be held back is dropped beyond.
pub const STREAM_BACKLOG: usize = 1024 * 1024;
/// Lines that wait for syslog.
pub const SYSLOG_BACKLOG: usize = 1024;
/// Bytes of the lines that wait for syslog or the journal.
pub const SYSLOG_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of one line to the journal.
pub const JOURNAL_LINE: usize = 1024 * 1024;
/// Bytes of one line to syslog.
pub const SYSLOG_LINE: usize = 8 * 1024;
/// Reports to control that may wait before programs whose output is reported are no longer read.
pub const REPORTS_WAITING: usize = 256;
/// Orders that may wait for the plane before what listeners say is no longer copied to their logs.
pub const ORDERS_WAITING: usize = 8192;
/// Pipes of ended processes that others still hold and that are read on; beyond, the oldest is closed.
pub const LEFTOVER_PIPES: usize = 128;
/// Room for so many messages or decisions is kept for the next ones; what a burst made it grow to is given back.
pub const ROOM_KEPT: usize = 64;
/// Descriptors that programs leave to clients, logs and rereads: so many below the limit, a start is refused.
pub const DESCRIPTORS_KEPT: u64 = 16;
