//! The record of a file, as an attribute and as a text. Other programs write them too.

use newroot_fakeroot::record::{MESSAGE_MAX, NAME_MAX, Record, TEXT_MAX, is_hidden, shown_name, stored_name};

/// Reads arbitrary bytes as a record in either format, and as the name of an attribute.
///
/// # Panics
/// If a record doesn't survive the round trip, or if the stored name of an attribute doesn't map
/// back.
pub fn check(bytes: &[u8]) {
    if let Ok(record) = Record::decode(bytes) {
        check_round_trip(&record);
    }
    if let Ok(record) = Record::decode_text(bytes) {
        check_round_trip(&record);
    }
    let mut out = [0; NAME_MAX];
    if let Ok(Some(stored)) = stored_name(bytes, &mut out) {
        assert!(is_hidden(stored));
        assert_eq!(shown_name(stored), Some(bytes));
    }
    if let Some(name) = shown_name(bytes) {
        assert!(is_hidden(bytes));
        assert_eq!(stored_name(name, &mut out).ok().flatten(), (bytes.len() <= NAME_MAX).then_some(bytes));
    }
}

fn check_round_trip(record: &Record) {
    let mut message = [0; MESSAGE_MAX];
    let len = record.encode(&mut message);
    // In the message, an owner with this number means "not set".
    let owner = |id: Option<u32>| id.filter(|&id| id != u32::MAX);
    let expected = Record { uid: owner(record.uid), gid: owner(record.gid), ..*record };
    assert_eq!(Record::decode(&message[..len]), Ok(expected));

    let mut text = [0; TEXT_MAX];
    let len = record.encode_text(&mut text);
    assert!(
        len > 0 && !text[..len].iter().any(|&byte| matches!(byte, 0 | b'/')),
        "the text must be a possible file name"
    );
    assert_eq!(Record::decode_text(&text[..len]), Ok(*record));
}
