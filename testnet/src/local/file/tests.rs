//! Tests of whole files.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{create_folder, read, read_json, remove, remove_folder, replace, replace_json};
use crate::local::LocalError;

#[test]
fn what_is_written_is_read_and_nobody_else_may_read_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("a/b");
    create_folder(&inner).expect("it can be made");
    create_folder(&inner).expect("it is there already");
    let file = inner.join("list.json");
    assert_eq!(
        read_json::<Vec<u8>>(&file).expect("no file is no error"),
        None
    );
    for value in [vec![1_u8], vec![2, 3]] {
        replace_json(&file, &value).expect("it can be written");
        assert_eq!(read_json(&file).expect("it can be read"), Some(value));
    }
    let mode = |path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!((mode(&file), mode(&inner)), (0o600, 0o700));
    assert_eq!(
        fs::read_dir(&inner).expect("a folder").count(),
        1,
        "no draft stays behind"
    );
}

#[test]
fn what_is_not_what_it_should_be_is_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("list.json");
    replace(&file, b"[1, 2").expect("it can be written");
    let damaged = |result| matches!(result, Err(LocalError::Damaged { .. }));
    assert!(damaged(read_json::<Vec<u8>>(&file).map(drop)));
    assert!(damaged(read(&file, 4).map(drop)));
    assert_eq!(
        read(&file, 5).expect("it is short enough").as_deref(),
        Some(&b"[1, 2"[..])
    );
}

#[test]
fn removing_what_is_not_there_is_no_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x");
    remove(&path).expect("nothing to do");
    remove_folder(&path).expect("nothing to do");
    replace(&path, b"").expect("it can be written");
    remove(&path).expect("it can be removed");
    assert!(!path.exists());
}
