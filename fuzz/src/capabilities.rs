//! The value of `security.capability`, which programs in the root set and archives bring.

use newroot_fakeroot::{Capabilities, Credentials, FileCapabilities, Program};

/// Reads any bytes as a file's capabilities, and executes a file that has them.
///
/// # Panics
/// If a value that may be set can't be read, means something else once it is shown, or gives an ordinary user a
/// capability that he isn't to have.
pub fn check(bytes: &[u8]) {
    let decoded = FileCapabilities::decode(bytes);
    if FileCapabilities::check(bytes).is_ok() {
        let set = decoded.expect("what may be set can be read");
        let mut out = [0; FileCapabilities::MAX];
        let len = FileCapabilities::shown(bytes, &mut out);
        assert_eq!(FileCapabilities::decode(&out[..len]), Ok(set), "what is shown means the same");
    }
    let Ok(capabilities) = decoded else { return };
    assert!(Capabilities::ALL.has(capabilities.permitted) && Capabilities::ALL.has(capabilities.inheritable));

    let program = Program { owner: 0, group: 0, mode: 0o100_755, capabilities: Some(capabilities) };
    let caller = Credentials::user(1000, 1000);
    if let Ok(executed) = caller.exec(&[], &program) {
        let new = executed.credentials;
        let granted = if capabilities.root == 0 { capabilities.permitted } else { Capabilities::NONE };
        assert_eq!(new.permitted, caller.bounding.intersection(granted));
        assert!(new.permitted.has(new.effective));
        assert!(executed.secure || new.effective.is_empty() && new.permitted.is_empty());
    }
}
