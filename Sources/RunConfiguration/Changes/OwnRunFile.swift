import Foundation
import RunLayout

/// The run file that a run directory keeps of itself. Its paths are its own: when the directory is moved, it and
/// everything in it are where the file now lies.
extension RunConfiguration {
    private static let ownMark = "# Kept by skein run. The run directory is the folder of this file, wherever that is."

    /// What a run directory keeps: ``resolvedYAML()`` under a line that says what it is.
    package func ownYAML() -> String { "\(Self.ownMark)\n\(resolvedYAML())" }

    /// The configuration that a run directory was last started with.
    ///
    /// - Returns: nil when the directory holds none. `former` is the directory that it was then.
    package static func loadOwn(_ directory: String) throws -> (configuration: RunConfiguration, former: String)? {
        let layout = RunLayout(directory)
        guard layout.isRunDirectory, layout.holds(.runFile) else { return nil }
        var configuration = try read(path: layout[.runFile])
        let former = configuration.runDirectory
        configuration.move(to: directory)
        return (configuration, former)
    }

    /// Takes the folder of a file for the run directory if the file is one that a run directory keeps of itself.
    ///
    /// - Parameter text: of the file.
    mutating func moveToOwnFolder(path: String, text: String) {
        let file = URL(filePath: path).standardizedFileURL
        let folder = file.deletingLastPathComponent().path
        guard text.hasPrefix(Self.ownMark), file.lastPathComponent == RunLayout.Entry.runFile.rawValue,
            RunLayout(folder).isRunDirectory,
            places.byKey[Self.runDirectoryKey]?.hasPrefix("--set") != true
        else { return }
        move(to: folder)
    }

    /// Gives the run another directory, and every path that lies in the present one with it.
    mutating func move(to directory: String) {
        let former = runDirectory
        let directory = Self.absolute(directory)
        guard former != directory else { return }
        func moved(_ path: String) -> String {
            path == former || path.hasPrefix(former + "/") ? directory + path.dropFirst(former.count) : path
        }
        runDirectory = directory
        data.directory = data.directory.map(moved)
        data.changeFiles(moved)
        models.base = models.base.map(moved)
        models.policy = models.policy.map(moved)
        models.reference = models.reference.map(moved)
        models.reward = models.reward.map(moved)
        func moved(_ rewards: [RewardSection]) -> [RewardSection] {
            rewards.map { reward in
                var reward = reward
                if var keys = reward.model {
                    keys.path = keys.path.map(moved)
                    reward.model = keys
                }
                return reward
            }
        }
        rewards = moved(rewards)
        evaluation.rewards = moved(evaluation.rewards)
    }
}
