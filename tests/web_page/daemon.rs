//! A supervisord of the built binary with a few programs, on a TCP port of its own.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use super::browser::{free_port, until};

/// A running daemon; ended when dropped.
pub struct Daemon {
    pub port: u16,
    dir: tempfile::TempDir,
    child: Child,
}

impl Daemon {
    /// Starts it and waits until it answers.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let here = dir.path().display();
        let text = format!(
            "[supervisord]\nnodaemon=true\nlogfile={here}/main.log\npidfile={here}/pid\nchildlogdir={here}\n\
             [inet_http_server]\nport=127.0.0.1:{port}\n\
             [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
             [program:feed]\ncommand=tail -n +1 -F {here}/feed\nstartsecs=0\n\
             [program:web]\ncommand=sleep 600\nstartsecs=0\nnumprocs=2\nprocess_name=%(program_name)s_%(process_num)d\n\
             [program:idle]\ncommand=sleep 600\nstartsecs=0\nautostart=false\n\
             [program:broken]\ncommand={here}/there-is-no-such-program\nstartretries=0\n"
        );
        std::fs::write(dir.path().join("feed"), "begin\n").unwrap();
        std::fs::write(dir.path().join("supervisord.conf"), text).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_supervisord"))
            .arg("-c")
            .arg(dir.path().join("supervisord.conf"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Self { port, dir, child };
        assert!(until(|| TcpStream::connect(("127.0.0.1", port)).is_ok()), "supervisord does not listen");
        daemon
    }

    /// Where its page is.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Has the program `feed` write this.
    pub fn feed(&self, text: &str) {
        let file = OpenOptions::new().append(true).open(self.dir.path().join("feed"));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// A call with strings; the answer's text.
    pub fn call(&self, method: &str, params: &[&str]) -> String {
        let params: String = params.iter().map(|param| format!("<param><value>{param}</value></param>")).collect();
        let body = format!("<methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "POST /RPC2 HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
