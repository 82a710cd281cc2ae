import CTorch

/// Whether history is recorded on this thread.
package var recordsHistory: Bool { ctorch_grad_enabled() }

extension Tensor {
    /// `body(self)`, whose inner results are not kept for the backward pass but computed again there.
    ///
    /// The same arithmetic runs twice, so results and gradients are those of `body` to the bit; `body` must give the same
    /// each time. Gradients flow into `self`, which must require them, and into every leaf that `body` uses.
    package func recomputed(_ body: @escaping (Tensor) throws -> Tensor) throws -> Tensor {
        let arithmetic = Arithmetic.current
        let segment = Segment { x in try arithmetic { try body(x) } }
        let context = Unmanaged.passRetained(segment).toOpaque()
        return try Tensor.make { ctorch_recomputed(Segment.run, Segment.release, context, handle, $0) }
    }
}

/// A closure as C sees it. Owned by the graph, which releases it with the last node that may call it.
private final class Segment {
    private let body: (Tensor) throws -> Tensor

    init(_ body: @escaping (Tensor) throws -> Tensor) { self.body = body }

    static let run: ctorch_segment = { context, x, out in
        guard let context, let x, let out else { return ctorch_status(CTORCH_FAILED) }
        // SAFETY: `context` is the retained Segment of `recomputed`, released only by `release` below.
        let segment = Unmanaged<Segment>.fromOpaque(context).takeUnretainedValue()
        var copy: OpaquePointer?
        // `x` belongs to the caller: the closure gets a handle of its own to the same tensor.
        guard ctorch_alias(x, &copy) == ctorch_status(CTORCH_OK), let copy else {
            return ctorch_status(CTORCH_FAILED)
        }
        do {
            let y = try segment.body(Tensor(owning: copy))
            return ctorch_alias(y.handle, out)
        } catch {
            ctorch_set_error("\(error)")
            return ctorch_status(CTORCH_FAILED)
        }
    }

    static let release: @convention(c) (UnsafeMutableRawPointer?) -> Void = { context in
        guard let context else { return }
        // SAFETY: balances passRetained in `recomputed`; the graph calls it once.
        Unmanaged<Segment>.fromOpaque(context).release()
    }
}
