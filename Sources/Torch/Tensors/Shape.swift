import CTorch

/// Shape, selection and reduction. Negative dimensions count from the end.
extension Tensor {
    /// One size may be -1.
    package func reshape(_ shape: [Int]) throws -> Tensor {
        try Tensor.make { out in withShape(shape) { ctorch_reshape(handle, $0, $1, out) } }
    }

    /// Repeats dimensions of size 1 without copying; -1 keeps a size.
    package func expand(_ shape: [Int]) throws -> Tensor {
        try Tensor.make { out in withShape(shape) { ctorch_expand(handle, $0, $1, out) } }
    }

    package func transpose(_ first: Int, _ second: Int) throws -> Tensor {
        try Tensor.make { ctorch_transpose(handle, Int64(first), Int64(second), $0) }
    }

    /// A view of `range` along `dimension`; a range outside the tensor is an error.
    package func slice(_ dimension: Int, _ range: Range<Int>) throws -> Tensor {
        try Tensor.make {
            ctorch_slice(handle, Int64(dimension), Int64(range.lowerBound), Int64(range.upperBound), $0)
        }
    }

    package func unsqueeze(_ dimension: Int) throws -> Tensor {
        try Tensor.make { ctorch_unsqueeze(handle, Int64(dimension), $0) }
    }

    package func squeeze(_ dimension: Int) throws -> Tensor {
        try Tensor.make { ctorch_squeeze(handle, Int64(dimension), $0) }
    }

    package static func cat(_ tensors: [Tensor], _ dimension: Int) throws -> Tensor {
        try Tensor.make { out in
            withHandles(tensors) { ctorch_cat($0, $1, Int64(dimension), out) }
        }
    }

    /// Each slice along `dimension`, `count` times in a row.
    package func repeatInterleave(_ count: Int, _ dimension: Int) throws -> Tensor {
        try Tensor.make { ctorch_repeat_interleave(handle, Int64(count), Int64(dimension), $0) }
    }

    /// As PyTorch's gather; `index` is int64.
    package func gather(_ dimension: Int, _ index: Tensor) throws -> Tensor {
        try Tensor.make { ctorch_gather(handle, Int64(dimension), index.handle, $0) }
    }

    /// The slices along `dimension` that `index` (int64 or int32, one dimension) names, in its order.
    package func indexSelect(_ dimension: Int, _ index: Tensor) throws -> Tensor {
        try Tensor.make { ctorch_index_select(handle, Int64(dimension), index.handle, $0) }
    }

    package func contiguous() throws -> Tensor { try unary(CTORCH_CONTIGUOUS) }
    package func clone() throws -> Tensor { try unary(CTORCH_CLONE) }

    // MARK: Reductions; an empty list of dimensions = over everything

    private func reduce(_ op: ctorch_reduce_op, _ dimensions: [Int], _ keep: Bool) throws -> Tensor {
        try Tensor.make { out in withShape(dimensions) { ctorch_reduce(op, handle, $0, $1, keep, out) } }
    }

    package func sum(_ dimensions: [Int] = [], keep: Bool = false) throws -> Tensor {
        try reduce(CTORCH_SUM, dimensions, keep)
    }

    package func mean(_ dimensions: [Int] = [], keep: Bool = false) throws -> Tensor {
        try reduce(CTORCH_MEAN, dimensions, keep)
    }

    package func max(_ dimensions: [Int] = [], keep: Bool = false) throws -> Tensor {
        try reduce(CTORCH_MAX, dimensions, keep)
    }

    package func min(_ dimensions: [Int] = [], keep: Bool = false) throws -> Tensor {
        try reduce(CTORCH_MIN, dimensions, keep)
    }

    package func logSumExp(_ dimensions: [Int] = [], keep: Bool = false) throws -> Tensor {
        try reduce(CTORCH_LOG_SUM_EXP, dimensions, keep)
    }

    /// Unbiased.
    package func variance(_ dimensions: [Int] = [], keep: Bool = false) throws -> Tensor {
        try reduce(CTORCH_VARIANCE, dimensions, keep)
    }

    /// Sum of the elements where `mask` (same shape, numbers or bool) is not 0, weighted by it.
    package func maskedSum(_ mask: Tensor) throws -> Tensor { try (self * mask).sum() }

    /// Mean over the elements where `mask` is not 0, weighted by it.
    package func maskedMean(_ mask: Tensor) throws -> Tensor { try maskedSum(mask) / mask.sum() }

    /// Index (int64) of the largest element along `dimension`.
    package func argmax(_ dimension: Int) throws -> Tensor {
        try Tensor.make { ctorch_argmax(handle, Int64(dimension), $0) }
    }

    package func cumulativeSum(_ dimension: Int) throws -> Tensor {
        try Tensor.make { ctorch_cumulative_sum(handle, Int64(dimension), $0) }
    }

    package func softmax(_ dimension: Int) throws -> Tensor {
        try Tensor.make { ctorch_softmax(handle, Int64(dimension), false, $0) }
    }

    package func logSoftmax(_ dimension: Int) throws -> Tensor {
        try Tensor.make { ctorch_softmax(handle, Int64(dimension), true, $0) }
    }
}

/// Passes a list of tensors to C.
func withHandles<Result>(
    _ tensors: [Tensor], _ body: (UnsafePointer<OpaquePointer?>?, Int32) -> Result
) -> Result {
    let handles: [OpaquePointer?] = tensors.map(\.handle)
    return withExtendedLifetime(tensors) {
        handles.withUnsafeBufferPointer { body($0.baseAddress, Int32(clamping: $0.count)) }
    }
}
