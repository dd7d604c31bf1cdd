//! The program `crashmailbatch`: everything it does is in its crate; this file only gives it its name.

fn main() -> std::process::ExitCode {
    listeners::mailers::CRASHMAILBATCH.main()
}
