import CTorch

/// Elementwise operations. Shapes broadcast as in PyTorch; dtypes promote as in PyTorch.
extension Tensor {
    @inline(__always)
    func unary(_ op: ctorch_unary_op) throws -> Tensor {
        try Tensor.make { ctorch_unary(op, handle, $0) }
    }

    @inline(__always)
    func binary(_ op: ctorch_binary_op, _ other: Tensor) throws -> Tensor {
        try Tensor.make { ctorch_binary(op, handle, other.handle, $0) }
    }

    @inline(__always)
    func binary(_ op: ctorch_binary_op, _ other: Double) throws -> Tensor {
        try Tensor.make { ctorch_binary_scalar(op, handle, other, $0) }
    }

    package static func + (a: Tensor, b: Tensor) throws -> Tensor { try a.binary(CTORCH_ADD, b) }
    package static func - (a: Tensor, b: Tensor) throws -> Tensor { try a.binary(CTORCH_SUBTRACT, b) }
    package static func * (a: Tensor, b: Tensor) throws -> Tensor { try a.binary(CTORCH_MULTIPLY, b) }
    package static func / (a: Tensor, b: Tensor) throws -> Tensor { try a.binary(CTORCH_DIVIDE, b) }
    package static func + (a: Tensor, b: Double) throws -> Tensor { try a.binary(CTORCH_ADD, b) }
    package static func - (a: Tensor, b: Double) throws -> Tensor { try a.binary(CTORCH_SUBTRACT, b) }
    package static func * (a: Tensor, b: Double) throws -> Tensor { try a.binary(CTORCH_MULTIPLY, b) }
    package static func / (a: Tensor, b: Double) throws -> Tensor { try a.binary(CTORCH_DIVIDE, b) }
    package static func + (a: Double, b: Tensor) throws -> Tensor { try b + a }
    package static func - (a: Double, b: Tensor) throws -> Tensor { try -b + a }
    package static func * (a: Double, b: Tensor) throws -> Tensor { try b * a }
    package static prefix func - (a: Tensor) throws -> Tensor { try a.unary(CTORCH_NEGATIVE) }

    package func exp() throws -> Tensor { try unary(CTORCH_EXP) }
    package func log() throws -> Tensor { try unary(CTORCH_LOG) }
    package func sqrt() throws -> Tensor { try unary(CTORCH_SQRT) }
    package func rsqrt() throws -> Tensor { try unary(CTORCH_RSQRT) }
    package func square() throws -> Tensor { try unary(CTORCH_SQUARE) }
    package func abs() throws -> Tensor { try unary(CTORCH_ABS) }
    package func sigmoid() throws -> Tensor { try unary(CTORCH_SIGMOID) }
    package func logSigmoid() throws -> Tensor { try unary(CTORCH_LOG_SIGMOID) }
    package func softplus() throws -> Tensor { try unary(CTORCH_SOFTPLUS) }
    package func tanh() throws -> Tensor { try unary(CTORCH_TANH) }
    package func silu() throws -> Tensor { try unary(CTORCH_SILU) }
    package func relu() throws -> Tensor { try unary(CTORCH_RELU) }
    package func gelu(tanh: Bool = false) throws -> Tensor { try unary(tanh ? CTORCH_GELU_TANH : CTORCH_GELU) }
    package func sin() throws -> Tensor { try unary(CTORCH_SIN) }
    package func cos() throws -> Tensor { try unary(CTORCH_COS) }
    package func power(_ exponent: Double) throws -> Tensor {
        try Tensor.make { ctorch_power(handle, exponent, $0) }
    }

    package func maximum(_ other: Tensor) throws -> Tensor { try binary(CTORCH_MAXIMUM, other) }
    package func minimum(_ other: Tensor) throws -> Tensor { try binary(CTORCH_MINIMUM, other) }

    /// Values below `low` become `low`, those above `high` become `high`; nil = no bound.
    package func clamp(_ low: Double?, _ high: Double?) throws -> Tensor {
        try Tensor.make { ctorch_clamp(handle, low ?? .nan, high ?? .nan, $0) }
    }

    // Comparisons give a tensor of bool.
    package func equal(_ other: Tensor) throws -> Tensor { try binary(CTORCH_EQUAL, other) }
    package func equal(_ other: Double) throws -> Tensor { try binary(CTORCH_EQUAL, other) }
    package func less(_ other: Tensor) throws -> Tensor { try binary(CTORCH_LESS, other) }
    package func less(_ other: Double) throws -> Tensor { try binary(CTORCH_LESS, other) }
    package func lessOrEqual(_ other: Tensor) throws -> Tensor { try binary(CTORCH_LESS_EQUAL, other) }
    package func greater(_ other: Tensor) throws -> Tensor { try binary(CTORCH_GREATER, other) }
    package func greater(_ other: Double) throws -> Tensor { try binary(CTORCH_GREATER, other) }
    package func greaterOrEqual(_ other: Tensor) throws -> Tensor { try binary(CTORCH_GREATER_EQUAL, other) }
    package func and(_ other: Tensor) throws -> Tensor { try binary(CTORCH_AND, other) }
    package func or(_ other: Tensor) throws -> Tensor { try binary(CTORCH_OR, other) }
    package func not() throws -> Tensor { try unary(CTORCH_NOT) }
    package func isFinite() throws -> Tensor { try unary(CTORCH_IS_FINITE) }

    /// Elements of `a` where the condition (bool) holds, else of `b`.
    package static func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) throws -> Tensor {
        try Tensor.make { ctorch_where(condition.handle, a.handle, b.handle, $0) }
    }

    package func filled(where mask: Tensor, with value: Double) throws -> Tensor {
        try Tensor.make { ctorch_masked_fill(handle, mask.handle, value, $0) }
    }

    // MARK: In place. Not for tensors whose history is needed.

    /// Copies the elements of `source` (same shape, any dtype) into this tensor.
    package func copy(from source: Tensor) throws { try check(ctorch_copy_into(handle, source.handle)) }
    package func fill(_ value: Double) throws { try check(ctorch_fill(handle, value)) }
    package func scale(by factor: Double) throws { try check(ctorch_scale(handle, factor)) }
    package func add(_ other: Tensor, scaledBy alpha: Double = 1) throws {
        try check(ctorch_add_into(handle, other.handle, alpha))
    }
}
