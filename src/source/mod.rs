//! Where bytes come from: files, standard input; network sources later. Each source is a function of the same signature
//! (configuration, output, stop) and gives batches of observations together with the position they bring the source to.
