fn main() {
    println!("{}", measure::measure("twelve and a half"));
}
