import Dispatch
import Foundation
import Testing

@testable import Torch

@Suite struct ComputeExecutorTests {
    @Test func workRunsOnOneThreadInOrder() async throws {
        let executor = ComputeExecutor()
        defer { executor.shutDown() }
        let first = try await executor.run { pthread_self() }
        let second = try await executor.run { pthread_self() }
        #expect(first == second)
        #expect(!executor.isCurrent)
        let inside = try await executor.run { executor.isCurrent }
        #expect(inside)
        let sum = try await executor.run { try Tensor.of([1, 2, 3] as [Float]).sum().item() }
        #expect(sum == 6)
    }

    @Test func errorsComeBackAsTheyAre() async {
        let executor = ComputeExecutor()
        defer { executor.shutDown() }
        await #expect(throws: TorchError.self) { try await executor.run { try Tensor.zeros([2]).reshape([3]).item() } }
    }

    @Test func afterShutDownWorkIsRefused() async throws {
        let executor = ComputeExecutor()
        executor.shutDown()
        await #expect(throws: TorchError.self) { try await executor.run { 1 } }
    }

    /// What has begun goes on; who waits does not.
    @Test func aCancelledTaskDoesNotWaitForTheComputeThread() async throws {
        let executor = ComputeExecutor()
        defer { executor.shutDown() }
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let gate = DispatchSemaphore(value: 0)
        let (done, doing) = AsyncStream.makeStream(of: Void.self)
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await executor.run {
                        beginning.finish()
                        gate.wait()
                    }
                    return false
                } catch { return error is CancellationError }
            }
            for await _ in begun {}
            group.addTask {
                do {
                    try await executor.run { _ = doing.yield() }
                    return false
                } catch { return error is CancellationError }
            }
            group.cancelAll()
            for await isCancelled in group { #expect(isCancelled) }
        }
        gate.signal()
        #expect(try await executor.run { 7 } == 7)
        doing.finish()
        for await _ in done { Issue.record("what had not begun was done") }
    }

    private actor Model {
        nonisolated let executor: ComputeExecutor
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
        private var tensor: Tensor?

        init(_ executor: ComputeExecutor) { self.executor = executor }

        func add(_ value: Float) throws -> Double {
            executor.checkIsolated()
            tensor = try tensor.map { try $0 + Double(value) } ?? Tensor.of([value])
            return try tensor?.item() ?? 0
        }
    }

    @Test func actorsMayLiveOnIt() async throws {
        let executor = ComputeExecutor()
        defer { executor.shutDown() }
        let model = Model(executor)
        #expect(try await model.add(2) == 2)
        #expect(try await model.add(3) == 5)
    }

    @Test func threadCountsAreExplicit() throws {
        #expect(throws: TorchError.self) { try TorchRuntime.configure(threads: 0) }
    }
}
