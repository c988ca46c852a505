"""Title and text -> the events that they tell, with direction, modality, evidence, parties, numbers and links."""
