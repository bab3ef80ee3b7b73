//! The SDK's allocator gives memory out from the front of 512 KiB and takes only the newest block back. A call that does
//! not fit grows its memory, which two threads cannot do at once; so the usual calls have to fit with room to spare.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use yinxin_plugin_fujian::Fujian;
use yinxin_plugin_yingtan::Yingtan;
use yinxin_sdk::Rules;

thread_local! {
    /// Bytes that the arena would have given out to this thread.
    static USED: Cell<usize> = const { Cell::new(0) };
    /// The newest block.
    static NEWEST: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, with the arena's books.
struct Counting;

fn given(block: *mut u8, layout: Layout) {
    USED.set(USED.get().next_multiple_of(layout.align()) + layout.size());
    NEWEST.set(block as usize);
}

// SAFETY: everything is the system allocator's; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller's.
        let block = unsafe { System.alloc(layout) };
        given(block, layout);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if NEWEST.get() == block as usize {
            USED.set(USED.get().saturating_sub(layout.size()));
            NEWEST.set(0);
        }
        // SAFETY: as the caller's.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller's.
        let moved = unsafe { System.realloc(block, layout, size) };
        if NEWEST.get() == block as usize {
            USED.set((USED.get() + size).saturating_sub(layout.size()));
            NEWEST.set(moved as usize);
        } else if size > layout.size() {
            given(
                moved,
                Layout::from_size_align(size, layout.align()).unwrap(),
            );
        }
        moved
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn used<T>(call: impl FnOnce() -> T) -> usize {
    let before = USED.get();
    let _answer = call();
    USED.get() - before
}

#[test]
fn a_definition_fits_the_arena_twice_over() {
    // Pointers and lengths have 8 bytes here and 4 in the component, so this is more than the real number. Going back
    // to the host, the lists are written out a second time.
    for (name, bytes) in [
        ("yingtan", used(Yingtan::describe)),
        ("fujian", used(Fujian::describe)),
    ] {
        println!("describe {name}: {bytes} bytes");
        assert!(bytes < 256 * 1024, "{name}: {bytes}");
    }
}
