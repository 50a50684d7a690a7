"""What tests of Trunkline and of its backends share."""
