import CTorch

extension Tensor {
    package var requiresGrad: Bool { ctorch_requires_grad(handle) }

    package func setRequiresGrad(_ required: Bool) throws {
        try check(ctorch_set_requires_grad(handle, required))
    }

    /// Adds the gradient of this scalar to every leaf that requires one.
    ///
    /// - Parameter gradient: of the loss with respect to this tensor, in its shape; nil = 1, for one element.
    package func backward(_ gradient: Tensor? = nil) throws {
        try check(ctorch_backward(handle, gradient?.handle))
    }

    /// The accumulated gradient, not a copy; nil when there is none.
    package func gradient() throws -> Tensor? {
        var out: OpaquePointer?
        try check(ctorch_grad(handle, &out))
        return out.map(Tensor.init(owning:))
    }

    package func setGradient(_ gradient: Tensor?) throws { try check(ctorch_set_grad(handle, gradient?.handle)) }

    /// The same elements without history.
    package func detach() throws -> Tensor { try unary(CTORCH_DETACH) }

    /// False when an element is NaN or infinite.
    package func allFinite() throws -> Bool {
        var finite = false
        try check(ctorch_all_finite(handle, &finite))
        return finite
    }
}

/// Runs `body` without recording history, on this thread.
package func noGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    let former = ctorch_set_grad_enabled(false)
    defer { _ = ctorch_set_grad_enabled(former) }
    return try body()
}

/// Runs `body` with history recorded, also inside ``noGrad(_:)``.
package func withGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    let former = ctorch_set_grad_enabled(true)
    defer { _ = ctorch_set_grad_enabled(former) }
    return try body()
}

/// Drops the gradients of all.
package func zeroGradients(_ parameters: [Tensor]) throws {
    for parameter in parameters { try parameter.setGradient(nil) }
}

/// L2 norm over all gradients; scales them down to `limit` when the norm is above it.
///
/// PyTorch's `clip_grad_norm_`. `limit` .infinity only measures. When the norm is not finite, nothing is scaled: the
/// caller skips the step.
///
/// - Returns: the norm before scaling.
@discardableResult
package func clipGradientNorm(_ parameters: [Tensor], to limit: Double) throws -> Double {
    var norm = 0.0
    try check(withHandles(parameters) { ctorch_clip_grad_norm($0, $1, limit, &norm) })
    return norm
}
