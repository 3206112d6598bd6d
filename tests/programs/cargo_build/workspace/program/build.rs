use std::path::Path;
use std::{env, fs};

fn main() {
    let directory = env::var("OUT_DIR").unwrap();
    fs::write(Path::new(&directory).join("made.rs"), "const MADE: &str = \"a build script\";").unwrap();
    println!("cargo:rerun-if-changed=build.rs");
}
