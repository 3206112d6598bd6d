include!(concat!(env!("OUT_DIR"), "/made.rs"));

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    println!("{} letters, by {MADE}", measure::letters(words.iter().map(String::as_str)));
}
