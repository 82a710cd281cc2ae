import Foundation
import Testing

@testable import Torch

@Suite struct TensorTests {
    @Test func bytesGoInAndOut() throws {
        let tensor = try Tensor.of([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        #expect(tensor.shape == [2, 3])
        #expect(try tensor.dtype == .float32)
        #expect(try tensor.transpose(0, 1).values() == [1, 4, 2, 5, 3, 6] as [Float])
        #expect(try tensor.to(dtype: .int64).values() == [1, 2, 3, 4, 5, 6] as [Int64])
        #expect(try tensor.to(dtype: .bfloat16).floats() == [1, 2, 3, 4, 5, 6])
    }

    @Test func shapesMustFitTheBytes() {
        #expect(throws: TorchError.self) { try Tensor.of([1, 2, 3] as [Float], shape: [2, 2]) }
        #expect(throws: TorchError.self) { try Tensor.of([1] as [Float], shape: [-1]) }
        #expect(throws: TorchError.self) { try Tensor.of([1, 2] as [Float]).item() }
        #expect(throws: TorchError.self) { try (Tensor.of([1] as [Float]).values() as [Int64]) }
    }

    @Test func messagesAreLibtorchsOwnInOneLine() throws {
        let a = try Tensor.zeros([2, 3])
        let b = try Tensor.zeros([4, 5])
        let error = #expect(throws: TorchError.self) { try a.matmul(b) }
        #expect(error?.code == .libtorch)
        #expect(error?.message.contains("cannot be multiplied (2x3 and 4x5)") == true)
        #expect(error?.message.contains("\n") == false)
        #expect(error?.message.contains("Exception raised from") == false)
    }

    @Test func arithmeticIsThatOfNumbers() throws {
        let a = try Tensor.of([1, -2, 3] as [Float])
        let b = try Tensor.of([2, 2, -1] as [Float])
        #expect(try ((a + b) * 2 - 1).floats() == [5, -1, 3])
        #expect(try (1 - a / b).floats() == [0.5, 2, 4])
        #expect(try a.maximum(b).floats() == [2, 2, 3])
        #expect(try a.minimum(b).floats() == [1, -2, -1])
        #expect(try a.clamp(nil, 1).floats() == [1, -2, 1])
        #expect(try a.clamp(0, nil).floats() == [1, 0, 3])
        #expect(try Tensor.select(a.greater(b), a, b).floats() == [2, 2, 3])
        #expect(try a.filled(where: a.less(0), with: 9).floats() == [1, 9, 3])
        #expect(try a.maskedMean(Tensor.of([1, 0, 1] as [Float])).item() == 2)
        #expect(abs(try a.logSoftmax(0).exp().sum().item() - 1) < 1e-6)
        #expect(abs(try a.softplus().floats()[1] - 0.126928) < 1e-5)
        #expect(abs(try a.silu().floats()[2] - 2.857722) < 1e-5)
    }

    @Test func selection() throws {
        let a = try Tensor.arange(0..<12).reshape([3, 4])
        #expect(try a.slice(1, 1..<3).values() == [1, 2, 5, 6, 9, 10] as [Int64])
        #expect(throws: TorchError.self) { try a.slice(1, 2..<5) }
        #expect(try a.indexSelect(0, Tensor.of([2, 0] as [Int64])).values() == [8, 9, 10, 11, 0, 1, 2, 3] as [Int64])
        #expect(try a.gather(1, Tensor.of([3, 0, 1] as [Int64], shape: [3, 1])).values() == [3, 4, 9] as [Int64])
        #expect(throws: TorchError.self) { try a.indexSelect(0, Tensor.of([3] as [Int64])) }
        #expect(try Tensor.cat([a, a], 0).shape == [6, 4])
        #expect(try a.to(dtype: .float32).sum([0]).floats() == [12, 15, 18, 21])
        #expect(try a.to(dtype: .float32).max([1], keep: true).shape == [3, 1])
        #expect(try a.argmax(1).values() == [3, 3, 3] as [Int64])
        let table = try Tensor.of([0, 1, 10, 11, 20, 21] as [Float], shape: [3, 2])
        #expect(try table.embedding(Tensor.of([2, 0] as [Int64])).floats() == [20, 21, 0, 1])
        #expect(throws: TorchError.self) { try table.embedding(Tensor.of([3] as [Int64])) }
    }

    @Test func groupedAttentionIsThatOfRepeatedHeads() throws {
        let count = 2 * 4 * 3 * 8
        let q = try Tensor.of((0..<count).map { sin(Float($0)) }, shape: [2, 4, 3, 8])
        let k = try Tensor.of((0..<count / 2).map { cos(Float($0)) }, shape: [2, 2, 3, 8])
        let v = try Tensor.of((0..<count / 2).map { sin(Float($0) * 3) }, shape: [2, 2, 3, 8])
        let whole = try q.attention(k, v, causal: true)
        let repeated = try q.attention(k.repeatInterleave(2, 1), v.repeatInterleave(2, 1), causal: true)
        #expect(try whole.floats() == repeated.floats())
        // The last position alone, as in decoding, sees the same.
        let last = try q.slice(2, 2..<3).attention(k, v)
        let difference = try (last - whole.slice(2, 2..<3)).abs().max().item()
        #expect(difference < 1e-6)
    }

    @Test func finiteCheckLooksAtEveryElement() throws {
        var values = [Float](repeating: 1, count: 200_001)
        #expect(try Tensor.of(values).allFinite())
        values[200_000] = .nan
        #expect(try !Tensor.of(values).allFinite())
        values[200_000] = -.infinity
        #expect(try !Tensor.of(values).to(dtype: .bfloat16).allFinite())
        #expect(try !Tensor.of(values).to(dtype: .float16).allFinite())
        #expect(try !Tensor.of(values).to(dtype: .float64).allFinite())
    }

    @Test func randomStateComesBack() throws {
        try TorchRuntime.seed(5)
        let state = try TorchRuntime.randomState()
        let bytes: [UInt8] = try state.values()
        try TorchRuntime.seed(6)
        #expect(try TorchRuntime.randomState().values() as [UInt8] != bytes)
        try TorchRuntime.setRandomState(Tensor.of(bytes))
        #expect(try TorchRuntime.randomState().values() as [UInt8] == bytes)
        #expect(throws: TorchError.self) { try TorchRuntime.setRandomState(Tensor.of([1, 2, 3] as [UInt8])) }
    }
}
