// Sections as records of inputs hold them: the keys of the run file with their values, never names of Swift's properties,
// so that another name in the code makes no stage anew.

extension TrainingSection {
    package var written: String { YAMLWriter.text(of: self) }
}

extension RewardModelSection {
    package var written: String { YAMLWriter.text(of: self) }
}

extension DataSection {
    package var written: String { YAMLWriter.text(of: self) }
}

extension ArchitectureSection {
    package var written: String { YAMLWriter.text(of: self) }
}

extension RewardSection {
    package var written: String { YAMLWriter.text(of: self) }
}
