//! The value of `security.capability`, which programs in the root and archives may set.

use newroot_fakeroot::{Capabilities, Credentials, FileCapabilities, Program};

/// Reads arbitrary bytes as a file's capabilities, and executes a file that has them.
///
/// # Panics
/// If a value that may be set can't be read or changes its meaning when it is shown, or if it gives
/// an ordinary user a capability that the file doesn't grant.
pub fn check(bytes: &[u8]) {
    let decoded = FileCapabilities::decode(bytes);
    if FileCapabilities::check(bytes).is_ok() {
        let set = decoded.expect("a value that may be set can be read");
        let mut out = [0; FileCapabilities::MAX];
        let len = FileCapabilities::shown(bytes, &mut out);
        assert_eq!(
            FileCapabilities::decode(&out[..len]),
            Ok(set),
            "the value that is shown has the same meaning"
        );
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
