package import Foundation
import PolicyOptimization
package import RunInputs
import RunLayout

/// The directory a stage leaves behind. It appears whole or not at all: everything is written beside it, flushed, and
/// renamed into place; `stage.json` in it says what the stage was made from.
///
///     absent, other inputs,
///     or damaged             --begin--> runs/x/.sft.partial --commit--> runs/x/sft (with stage.json)
///     same inputs, whole     --finished--> used again, nothing is computed
package struct StageDirectory: Sendable {
    /// What `stage.json` holds.
    package struct State: Codable, Sendable, Equatable {
        package var stage: String
        /// Settings, data and models that the stage read.
        package var inputs: InputRecord
        package var seconds: Double
        /// Figures for the report, for example `loss` or `accuracy`.
        package var figures: [String: Double]
        /// Bytes of each file of the result, by its path in the directory; nil in states of earlier versions.
        package var files: [String: Int]?
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

    /// The state of a whole result that was made from the same inputs; nil when there is none.
    package var finished: State? {
        guard let state, state.inputs == inputs, damage(state) == nil else { return nil }
        return state
    }

    /// Why the result that is there cannot be used, to go behind its path; nil when there is none or it can.
    package var unusable: String? {
        guard stateData != nil else { return nil }
        guard let state else { return "was made from other inputs" }
        let changed = state.inputs.differences(from: inputs)
        if !changed.isEmpty { return "was made from other inputs (\(changed.joined(separator: ", ")))" }
        return damage(state).map { "is damaged (\($0))" }
    }

    /// The first file that is not as it was written; only sizes are compared, which a copy that broke off does not keep.
    private func damage(_ state: State) -> String? {
        for (name, size) in (state.files ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let found = Self.size(final.appending(path: name)) else { return "\(name) is missing" }
            if found != size { return "\(name) has \(found) bytes and had \(size)" }
        }
        return nil
    }

    private static func size(_ file: URL) -> Int? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file.path(percentEncoded: false))
        return (attributes?[.size] as? NSNumber)?.intValue
    }

    private var writtenFiles: [String: Int] {
        let root = partial.path(percentEncoded: false)
        let names = FileManager.default.subpaths(atPath: root) ?? []
        var sizes: [String: Int] = [:]
        for name in names {
            var isDirectory: ObjCBool = false
            let file = partial.appending(path: name)
            guard FileManager.default.fileExists(atPath: file.path(percentEncoded: false), isDirectory: &isDirectory),
                !isDirectory.boolValue
            else { continue }
            sizes[name] = Self.size(file)
        }
        return sizes
    }

    private var state: State? { stateData.flatMap { try? JSONDecoder().decode(State.self, from: $0) } }
    private var stateData: Data? { try? Data(contentsOf: final.appending(path: RunLayout.stageState)) }

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
        let state = State(stage: stage, inputs: inputs, seconds: seconds, figures: figures, files: writtenFiles)
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
            try encoder.encode(state).write(to: partial.appending(path: RunLayout.stageState))
            try DurableFiles.replace(final, with: partial)
        } catch let error as TrainingError {
            throw error
        } catch {
            throw TrainingError(.io, "cannot write \(final.path(percentEncoded: false))", cause: error)
        }
        return state
    }

    /// Where an interrupted call of the stage left what to go on from (``StageCheckpoints``).
    package var checkpoints: URL { RunLayout.stageCheckpoints(of: final) }

    private var partial: URL { RunLayout.partial(final) }
}
