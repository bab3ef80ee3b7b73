//! The component's allocator: a static arena, given out from the front and never tidied up.
//!
//! Every call runs in a fresh instance whose memory is thrown away whole, so freeing is only worth something where it
//! costs nothing: the newest block can be given back or grown in place, which covers growing vectors and strings.
//!
//! Why not the allocator of the standard library: it begins with `memory.grow`, and `memory.grow` takes the process's
//! lock on its address space. Two threads of the host then answer fewer calls than one. A call that fits the arena
//! never grows its memory and scales with the threads.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::ptr;

/// Bytes that a call may use before its memory has to grow. Yingtan's whole definition takes about 50 KiB and as much
/// again to be handed over, and a check far less; the host keeps 2 MiB of an instance resident, so this much stays warm.
const ARENA: usize = 512 * 1024;

/// Bytes of one page of WebAssembly memory.
const PAGE: usize = 64 * 1024;

/// Pages to grow by at least, once the arena is used up: 1 MiB, so that a large call grows a few times, not often.
const GROWTH: usize = 16;

#[repr(C, align(16))]
struct Arena {
    room: UnsafeCell<[u8; ARENA]>,
    /// Address of the first free byte; 0 before the first allocation.
    next: Cell<usize>,
    /// Address behind the last byte that may be given out.
    end: Cell<usize>,
}

// SAFETY: a component instance has one thread.
unsafe impl Sync for Arena {}

#[global_allocator]
static ALLOCATOR: Arena = Arena {
    room: UnsafeCell::new([0; ARENA]),
    next: Cell::new(0),
    end: Cell::new(0),
};

impl Arena {
    fn begin(&self) {
        if self.next.get() == 0 {
            let start = self.room.get() as usize;
            self.next.set(start);
            self.end.set(start + ARENA);
        }
    }

    /// Takes `size` bytes from the front, or none when they do not fit.
    fn take(&self, size: usize, align: usize) -> Option<usize> {
        let start = self.next.get().checked_next_multiple_of(align)?;
        let next = start.checked_add(size)?;
        if next > self.end.get() {
            return None;
        }
        self.next.set(next);
        Some(start)
    }

    /// Makes room for at least `size` bytes by growing the memory; false when the host's limit stands against it.
    fn grow(&self, size: usize, align: usize) -> bool {
        let Some(bytes) = size.checked_add(align) else {
            return false;
        };
        let pages = bytes.div_ceil(PAGE).max(GROWTH);
        let old = core::arch::wasm32::memory_grow(0, pages);
        if old == usize::MAX {
            return false;
        }
        // Where the new pages do not follow the room in use, the rest of that is given up.
        if self.end.get() != old * PAGE {
            self.next.set(old * PAGE);
        }
        self.end.set((old + pages) * PAGE);
        true
    }

    fn is_newest(&self, block: *mut u8, size: usize) -> bool {
        block as usize + size == self.next.get()
    }
}

// SAFETY: blocks are disjoint, aligned and inside the arena or grown memory; only the newest block moves the front back.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.begin();
        let (size, align) = (layout.size(), layout.align());
        if let Some(address) = self.take(size, align) {
            return address as *mut u8;
        }
        if !self.grow(size, align) {
            return ptr::null_mut();
        }
        self.take(size, align)
            .map_or(ptr::null_mut(), |address| address as *mut u8)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if self.is_newest(block, layout.size()) {
            self.next.set(block as usize);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if self.is_newest(block, layout.size()) {
            let next = (block as usize).checked_add(size);
            if let Some(next) = next.filter(|next| *next <= self.end.get()) {
                self.next.set(next);
                return block;
            }
        } else if size <= layout.size() {
            // A string that gives back its spare room stays where it is.
            return block;
        }
        // SAFETY: the caller promises that `size`, rounded up to the alignment, does not overflow.
        let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both blocks are at least this long, and a new block never overlaps an old one.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(size)) };
        }
        moved
    }
}
