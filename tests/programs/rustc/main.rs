use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::{env, fs, io, thread};

fn main() -> io::Result<()> {
    let sizes = Arc::new(Mutex::new(BTreeMap::new()));
    let threads: Vec<_> = (0..16u64)
        .map(|n| {
            let sizes = Arc::clone(&sizes);
            // The smallest stack there is: what a system call does on the guest's stack has to fit.
            thread::Builder::new().stack_size(16 * 1024).spawn(move || -> io::Result<()> {
                let name = format!("thread{n}");
                fs::write(&name, vec![b'x'; n as usize])?;
                fs::rename(&name, format!("{name}.done"))?;
                sizes.lock().unwrap().insert(n, fs::metadata(format!("{name}.done"))?.len());
                Ok(())
            })
        })
        .collect::<Result<_, _>>()?;
    for thread in threads {
        thread.join().unwrap()?;
    }
    println!("threads: {}", sizes.lock().unwrap().values().sum::<u64>());

    let caught = thread::spawn(|| panic!("on purpose")).join().is_err();
    println!("panic caught: {caught}");
    println!("executable: {}, in {}", env::current_exe()?.display(), env::current_dir()?.display());

    let mut child = Command::new("tr").args(["a-z", "A-Z"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    child.stdin.take().unwrap().write_all(b"shout")?;
    println!("child: {}", String::from_utf8_lossy(&child.wait_with_output()?.stdout));
    println!("status: {:?}", Command::new("sh").args(["-c", "exit 5"]).status()?.code());
    println!("missing: {:?}", Command::new("no-such-program").status().unwrap_err().kind());
    let output = Command::new("pwd").current_dir("/usr/lib").output()?;
    println!("directory: {}", String::from_utf8_lossy(&output.stdout).trim());

    let listener = UnixListener::bind("socket")?;
    let client = thread::spawn(|| UnixStream::connect("socket")?.write_all(b"over a socket"));
    let mut text = String::new();
    listener.accept()?.0.read_to_string(&mut text)?;
    client.join().unwrap()?;
    println!("{text}, {:?}", listener.local_addr()?.as_pathname());

    fs::create_dir_all("a/b/c")?;
    println!("canonical: {}", fs::canonicalize("a/b/../b/c/.")?.display());
    fs::remove_dir_all("a")?;
    println!("removed: {}", fs::metadata("a").is_err());
    Err(Command::new("echo").arg("replaced by exec").exec())
}
