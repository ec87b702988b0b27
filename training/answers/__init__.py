"""The check of answers: the data made for it, the model, and how it is trained and measured."""
