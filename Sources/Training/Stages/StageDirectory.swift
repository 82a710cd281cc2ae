package import Foundation
import PolicyOptimization
package import RunInputs

/// The directory a stage leaves behind. It appears whole or not at all: everything is written beside it, flushed, and
/// renamed into place; `stage.json` in it says what the stage was made from.
///
///     absent or other inputs --begin--> runs/x/.sft.partial --commit--> runs/x/sft (with stage.json)
///     same inputs            --isFinished--> used again, nothing is computed
package struct StageDirectory: Sendable {
    package static let stateFile = "stage.json"

    /// What `stage.json` holds.
    package struct State: Codable, Sendable, Equatable {
        package var stage: String
        /// Settings, data and models that the stage read.
        package var inputs: InputRecord
        package var seconds: Double
        /// Figures for the report, for example `loss` or `accuracy`.
        package var figures: [String: Double]
    }

    package let stage: String
    package let final: URL
    package let inputs: InputRecord

    /// - Parameters:
    ///   - final: where the stage's result is to stand.
    ///   - inputs: all that determines the result.
    package init(stage: String, final: URL, inputs: InputRecord) {
        self.stage = stage
        self.final = final
        self.inputs = inputs
    }

    /// The state of a result that was made from the same inputs; nil when there is none.
    package var finished: State? {
        guard let state = try? JSONDecoder().decode(State.self, from: stateData ?? Data()), state.inputs == inputs
        else { return nil }
        return state
    }

    /// What is not as it was when the result that is there was made; empty when that cannot be told, nil when there is
    /// no result or it is of the same inputs.
    package var outdated: [String]? {
        guard let data = stateData, finished == nil else { return nil }
        return (try? JSONDecoder().decode(State.self, from: data))?.inputs.differences(from: inputs) ?? []
    }

    private var stateData: Data? { try? Data(contentsOf: final.appending(path: Self.stateFile)) }

    /// An empty directory to write into. What an interrupted call left there is removed.
    package func begin() throws -> URL {
        do {
            try? FileManager.default.removeItem(at: partial)
            try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: true)
            return partial
        } catch {
            throw TrainingError(.io, "cannot create \(partial.path(percentEncoded: false))", cause: error)
        }
    }

    /// Flushes what was written and puts it in place of an older result.
    package func commit(seconds: Double, figures: [String: Double]) throws -> State {
        let state = State(stage: stage, inputs: inputs, seconds: seconds, figures: figures)
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
            try encoder.encode(state).write(to: partial.appending(path: Self.stateFile))
            try DurableFiles.replace(final, with: partial)
        } catch let error as TrainingError {
            throw error
        } catch {
            throw TrainingError(.io, "cannot write \(final.path(percentEncoded: false))", cause: error)
        }
        return state
    }

    /// Where an interrupted call of the stage left what to go on from (``StageCheckpoints``).
    package var checkpoints: URL {
        final.deletingLastPathComponent().appending(path: ".\(final.lastPathComponent).checkpoints")
    }

    private var partial: URL {
        final.deletingLastPathComponent().appending(path: ".\(final.lastPathComponent).partial")
    }
}
