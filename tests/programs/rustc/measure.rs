/// Returns the number of letters.
pub fn measure(text: &str) -> usize {
    text.chars().count()
}

/// Returns the number of letters, for C.
#[no_mangle]
pub extern "C" fn measure_c(n: u32) -> u32 {
    measure(&n.to_string()) as u32
}

#[test]
fn letters_are_counted() {
    assert_eq!(measure("naïve"), 5);
}
