//! What is recorded of a file, as its attribute and as a text: others write these, too.

use newroot_fakeroot::record::{MESSAGE_MAX, NAME_MAX, Record, TEXT_MAX, is_hidden, shown_name, stored_name};

/// Reads any bytes as a record in either form, and as the name of an attribute.
///
/// # Panics
/// If what is written of a record isn't read as the same record, or a name that is kept under another isn't found
/// again.
pub fn check(bytes: &[u8]) {
    if let Ok(record) = Record::decode(bytes) {
        comes_back(&record);
    }
    if let Ok(record) = Record::decode_text(bytes) {
        comes_back(&record);
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

fn comes_back(record: &Record) {
    let mut message = [0; MESSAGE_MAX];
    let len = record.encode(&mut message);
    // An owner of this number is "not set" in the message.
    let owner = |id: Option<u32>| id.filter(|&id| id != u32::MAX);
    let expected = Record { uid: owner(record.uid), gid: owner(record.gid), ..*record };
    assert_eq!(Record::decode(&message[..len]), Ok(expected));

    let mut text = [0; TEXT_MAX];
    let len = record.encode_text(&mut text);
    assert!(len > 0 && !text[..len].iter().any(|&byte| matches!(byte, 0 | b'/')), "it can be a name");
    assert_eq!(Record::decode_text(&text[..len]), Ok(*record));
}
