use std::process::Command;

#[test]
fn program_counts_letters() {
    let output = Command::new(env!("CARGO_BIN_EXE_program")).arg("four").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "4 letters, by a build script\n");
}
