// What Rust prints of panics.
fn first(values: Option<u32>) -> u32 {
    values.unwrap()
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("option") => drop(first(None)),
        Some("result") => {
            let failed: Result<(), std::io::Error> = Err(std::io::Error::other("boom"));
            failed.expect("could not write");
        }
        Some("thread") => {
            let worker = std::thread::Builder::new().name("worker".into()).spawn(|| panic!("one\ntwo"));
            let _ = worker.unwrap().join();
        }
        _ => {}
    }
}
