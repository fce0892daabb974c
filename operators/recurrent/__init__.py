"""GRU, LSTM and RNN."""
